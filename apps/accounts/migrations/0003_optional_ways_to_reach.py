"""E-mail addresses and external ids are optional: each now says what is lost without it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_remembered_requests'),
    ]

    operations = [
        migrations.AlterField(
            model_name='externalidentity',
            name='external_id',
            field=models.CharField(help_text='Optional. Without it: messages of that system find the person by e-mail only. Held to make the service work.', max_length=200),
        ),
        migrations.AlterField(
            model_name='historicalexternalidentity',
            name='external_id',
            field=models.CharField(help_text='Optional. Without it: messages of that system find the person by e-mail only. Held to make the service work.', max_length=200),
        ),
        migrations.AlterField(
            model_name='historicalpersonemail',
            name='address',
            field=models.EmailField(help_text="Optional. Without it: answers and notices can't be sent by e-mail. Held to make the service work.", max_length=254, verbose_name='e-mail'),
        ),
        migrations.AlterField(
            model_name='personemail',
            name='address',
            field=models.EmailField(help_text="Optional. Without it: answers and notices can't be sent by e-mail. Held to make the service work.", max_length=254, verbose_name='e-mail'),
        ),
    ]
